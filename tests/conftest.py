"""Makes the modules of this folder (strategies.py) importable from every test below it; slow machines may be slow."""

from hypothesis import HealthCheck, settings

# how long an example takes to draw says how busy the machine is, not whether the test is good
settings.register_profile("mrcpsim", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mrcpsim")
