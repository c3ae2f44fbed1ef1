"""Helpers of tests in several rooms: servers, processes, pictures, clocks."""
