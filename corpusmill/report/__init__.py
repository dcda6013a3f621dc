"""What people look at: the funnel, the explanation of one document, the catalogue."""
