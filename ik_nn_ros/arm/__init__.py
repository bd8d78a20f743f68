"""The arm: its joints and their priors, its kinematics, and what may be asked of its TCP."""
