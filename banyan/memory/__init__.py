"""What was asked, tried and found: every SQL table and query of Banyan."""
