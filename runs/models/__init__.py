"""The rows. One file per noun."""

from runs.models.api_token import ApiToken
from runs.models.dataset import Dataset
from runs.models.inference_config import InferenceConfig
from runs.models.keyed_answer import KeyedAnswer
from runs.models.list_settings import ChosenColumns, SavedFilter
from runs.models.measurement import LogChunk, Measurement, SampleChunk
from runs.models.price_list import PriceList
from runs.models.profile_run import ProfileRun, RunModel
from runs.models.proposal import Proposal, ProposalEvent
from runs.models.registered_model import RegisteredModel, TagEvent
from runs.models.sizing_policy import SizingPolicy
from runs.models.staged_upload import StagedUpload
from runs.models.stored_files import StoredFiles
from runs.models.target import Target, WorkerHeartbeat

__all__ = [
    "ApiToken",
    "ChosenColumns",
    "Dataset",
    "InferenceConfig",
    "KeyedAnswer",
    "LogChunk",
    "Measurement",
    "PriceList",
    "ProfileRun",
    "Proposal",
    "ProposalEvent",
    "RegisteredModel",
    "RunModel",
    "SampleChunk",
    "SavedFilter",
    "SizingPolicy",
    "StagedUpload",
    "StoredFiles",
    "TagEvent",
    "Target",
    "WorkerHeartbeat",
]
