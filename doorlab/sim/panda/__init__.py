"""The Franka Panda as a door opener: kinematics, the arm in PyBullet, and the simulator."""
