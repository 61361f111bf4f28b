"""Trees in the formats of others, and what others keep as trees."""
