"""What Gigbook knows about its business: values, rules, and the processes that own them."""
