"""How gateways are spoken to: requests, replies, errors, pacing, money, redaction."""
