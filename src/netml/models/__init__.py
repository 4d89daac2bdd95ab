"""Models: a representation, a scaler and a detector, trained, saved and applied."""
