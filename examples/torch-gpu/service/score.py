"""Scores texts, as token ids, with a small transformer on the GPU."""

import json

import torch

VOCABULARY, WIDTH, HEADS, LAYERS, LONGEST = 8192, 512, 8, 6, 256
model = None


class Classifier(torch.nn.Module):
    """Token ids to one score each text; its weights are random, but the same each time."""

    def __init__(self):
        super().__init__()
        self.tokens = torch.nn.Embedding(VOCABULARY, WIDTH)
        layer = torch.nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, batch_first=True)
        self.encoder = torch.nn.TransformerEncoder(layer, LAYERS)
        self.head = torch.nn.Linear(WIDTH, 1)

    def forward(self, ids):
        return self.head(self.encoder(self.tokens(ids)).mean(dim=1)).squeeze(-1)


def init():
    """Called once, before the first request."""
    global model
    if not torch.cuda.is_available():
        raise RuntimeError(
            "no GPU is visible to this service: is config.gpu true, and a driver here?"
        )
    torch.manual_seed(0)
    model = Classifier().eval().to("cuda")


def run(raw_data):
    """Takes {"texts": [[token ids], ...]} of one length; answers one score each text."""
    ids = torch.tensor(json.loads(raw_data)["texts"], dtype=torch.long)
    if ids.ndim != 2 or not 0 < ids.shape[1] <= LONGEST or ids.min() < 0 or ids.max() >= VOCABULARY:
        raise ValueError(f"texts must be 1 to {LONGEST} token ids below {VOCABULARY} each")
    with torch.inference_mode():
        # tolist() waits for the GPU: the answer's latency is that of the work, not of its launch.
        return {"scores": model(ids.to("cuda")).tolist()}
