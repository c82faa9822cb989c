"""The zoo: tiny atlases of many architectures with random weights."""
