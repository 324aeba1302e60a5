"""The objects of entity endpoints: the value of every field, by name.

A field's value is a function's, in the module of its entity; else one of the alternatives in
:mod:`~airflow_provider_tiktok.emulator.world.objects.alternatives`; else null. Which fields an entity has is
the catalogue's (:mod:`airflow_provider_tiktok.entities.catalog`).
"""
