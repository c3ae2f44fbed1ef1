"""The sandbox gateway by itself: its replies, limits, bill and pictures."""
