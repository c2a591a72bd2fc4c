"""Every model in the admin, usefully. RQ's dashboard registers itself beside them."""

from runs.admin.policies import SizingPolicyAdmin
from runs.admin.prices import PriceListAdmin
from runs.admin.registry import (
    DatasetAdmin,
    InferenceConfigAdmin,
    RegisteredModelAdmin,
    StagedUploadAdmin,
    StoredFilesAdmin,
    TagEventAdmin,
)
from runs.admin.results import LogChunkAdmin, MeasurementAdmin, ProfileRunAdmin, SampleChunkAdmin
from runs.admin.review import ProposalAdmin, ProposalEventAdmin
from runs.admin.targets import TargetAdmin, WorkerHeartbeatAdmin
from runs.admin.tokens import ApiTokenAdmin

__all__ = [
    "ApiTokenAdmin",
    "DatasetAdmin",
    "InferenceConfigAdmin",
    "LogChunkAdmin",
    "MeasurementAdmin",
    "PriceListAdmin",
    "ProfileRunAdmin",
    "ProposalAdmin",
    "ProposalEventAdmin",
    "RegisteredModelAdmin",
    "SampleChunkAdmin",
    "SizingPolicyAdmin",
    "StagedUploadAdmin",
    "StoredFilesAdmin",
    "TagEventAdmin",
    "TargetAdmin",
    "WorkerHeartbeatAdmin",
]
