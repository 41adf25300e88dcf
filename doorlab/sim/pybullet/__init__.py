"""The PyBullet engine. Import `doorlab.sim.make_simulator`, not this."""
