"""From a request to calls: accounts, days, request windows."""
