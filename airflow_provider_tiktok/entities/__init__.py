"""What the IDs of reports stand for: accounts, campaigns, ad groups, ads, creatives and audiences."""
