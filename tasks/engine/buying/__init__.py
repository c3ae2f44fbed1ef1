"""The way of one row: one paid call with a recorded intent, its pictures fetched and stored, its text read."""
