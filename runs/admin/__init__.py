"""Every model in the admin, usefully."""

from runs.admin.lists import ChosenColumnsAdmin, SavedFilterAdmin
from runs.admin.people import LogEntryAdmin, PersonAdmin, RoleAdmin
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
from runs.admin.tokens import ApiTokenAdmin, KeyedAnswerAdmin

__all__ = [
    "ApiTokenAdmin",
    "ChosenColumnsAdmin",
    "DatasetAdmin",
    "InferenceConfigAdmin",
    "KeyedAnswerAdmin",
    "LogChunkAdmin",
    "LogEntryAdmin",
    "MeasurementAdmin",
    "PersonAdmin",
    "PriceListAdmin",
    "ProfileRunAdmin",
    "ProposalAdmin",
    "ProposalEventAdmin",
    "RegisteredModelAdmin",
    "RoleAdmin",
    "SampleChunkAdmin",
    "SavedFilterAdmin",
    "SizingPolicyAdmin",
    "StagedUploadAdmin",
    "StoredFilesAdmin",
    "TagEventAdmin",
    "TargetAdmin",
    "WorkerHeartbeatAdmin",
]
