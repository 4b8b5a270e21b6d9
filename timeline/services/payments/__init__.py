"""Money: checkouts, providers, refunds, receipts. Uses the timeline's rules and is not known by them."""
