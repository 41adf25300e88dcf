"""A Franka Panda that opens doors: its kinematics, its arm in PyBullet, the simulator."""
