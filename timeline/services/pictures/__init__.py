"""Pictures of moments: upload, re-encoding of nothing but the pixels, storage and deletion."""
