"""Take money for orders: checkouts, settlement, refunds and e-mails. Claims know nothing of this."""
