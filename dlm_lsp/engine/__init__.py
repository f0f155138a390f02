"""Between the editor's side and the model: requests are built, scheduled, sent and judged here; no pygls, no torch."""
