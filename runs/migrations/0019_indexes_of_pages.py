"""Indexes for what pages ask of many runs; the one of chunks takes a while where there are many."""

from django.db import migrations, models
from django.db.models.functions import Length


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0018_list_settings"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="profilerun",
            index=models.Index(
                fields=["target", "advice_standing", "-created_at"], name="run_target_standing"
            ),
        ),
        migrations.AddIndex(
            model_name="profilerun",
            index=models.Index(fields=["target", "state", "-created_at"], name="run_target_state"),
        ),
        migrations.AddIndex(
            model_name="samplechunk",
            index=models.Index(
                models.F("run"),
                models.F("measurement"),
                models.F("series"),
                models.F("start_ns"),
                models.F("count"),
                Length("blob"),
                name="chunk_sizes",
            ),
        ),
    ]
