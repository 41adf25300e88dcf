"""The PyBullet simulator. Use `doorlab.sim.make_simulator` instead of importing this package."""
