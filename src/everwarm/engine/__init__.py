"""A model inside, driven through OpenVINO's PagedAttention."""
