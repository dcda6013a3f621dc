"""From packed shards to a trained model and its scores; the only place that knows torch."""
