"""Targets for programs: what each has, and whether somebody works there."""

from __future__ import annotations

from rest_framework import generics, serializers

from runs.api.paging import ByName
from runs.models import Target


class OpenRunSerializer(serializers.Serializer):
    name = serializers.CharField()
    state = serializers.CharField()


class TargetSerializer(serializers.ModelSerializer):
    """Where runs execute; `unavailable_reason` is empty where runs may be sent;
    `open_runs` run or wait there, the oldest first."""

    gpus = serializers.JSONField(read_only=True)
    has_worker = serializers.BooleanField(read_only=True)
    is_available = serializers.BooleanField(read_only=True)
    open_runs = OpenRunSerializer(many=True, read_only=True)

    class Meta:
        model = Target
        fields = (
            "name", "kind", "max_cpu_millicores", "max_memory_bytes", "memory_bytes", "gpus",
            "is_available", "unavailable_reason", "has_worker", "open_runs",
        )  # fmt: skip


class TargetList(generics.ListAPIView):
    """Targets, by name."""

    serializer_class = TargetSerializer
    pagination_class = ByName
    filter_backends: tuple = ()
    queryset = Target.objects.for_page()
