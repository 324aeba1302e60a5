"""Tests of entities."""
