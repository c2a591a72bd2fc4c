"""All lists by name: what is saved, chosen and done in them is sent to addresses they share."""

from runs.lists.portfolio import PORTFOLIO
from runs.lists.registry import CONFIGS, DATASETS, MODELS
from runs.lists.review import INBOX
from runs.lists.runs import RUNS
from runs.lists.targets import TARGETS

LISTINGS = {
    listing.name: listing
    for listing in (RUNS, MODELS, PORTFOLIO, DATASETS, CONFIGS, INBOX, TARGETS)
}
