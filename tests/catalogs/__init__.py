"""What catalogs/ knows before a call: models, prices, templates, rules, and the reader."""
