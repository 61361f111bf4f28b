"""The configuration files of assistants: what is imported from them, and how Banyan is installed into them."""
