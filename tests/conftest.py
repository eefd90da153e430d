"""Makes the modules of this folder (strategies.py) importable from every test below it; slow machines may be slow."""

from hypothesis import HealthCheck, settings

# how long an example takes to draw says how busy the machine is, not whether the test is good
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# a change is judged by the same examples each time; `pytest --hypothesis-profile=search` draws others
settings.register_profile("mrcpsim", PATIENT, derandomize=True, database=None)
settings.register_profile("search", PATIENT, print_blob=True)
settings.load_profile("mrcpsim")
