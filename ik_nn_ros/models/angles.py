"""How a network represents joint angles: the paper's two ways round the jump at half a turn.

The paper's section "Considering Singularities": an angle's number jumps from pi to -pi although the
arm does not move, so a network must either represent the angle without the jump or at least not be
charged for it. Arrays and tensors alike.
"""

from __future__ import annotations

from ik_nn_ros.arrays import Array, namespace, wrapped


class PlainAngles:
    """Angles as numbers on a line, in units of the prior's deviation ``scale`` (dof,) [rad]."""

    width_per_joint = 1

    @staticmethod
    def read(theta: Array, scale: Array) -> Array:
        """theta (b, dof) [rad] -> what a network reads (b, width_per_joint * dof)."""
        return theta / scale

    @staticmethod
    def write(output: Array, scale: Array) -> Array:
        """What a network writes (b, width_per_joint * dof) -> theta (b, dof) [rad]."""
        return output * scale

    @staticmethod
    def error(output: Array, theta: Array, scale: Array) -> Array:
        """The reconstruction's error, entry by entry, whose squares a loss sums [rad]."""
        return output * scale - theta


class WrappedAngles(PlainAngles):
    """The same, but 178 and -178 degrees are 4 degrees apart in the reconstruction's error."""

    @staticmethod
    def write(output: Array, scale: Array) -> Array:
        """See `PlainAngles.write`; in [-pi, pi)."""
        return wrapped(output * scale)

    @staticmethod
    def error(output: Array, theta: Array, scale: Array) -> Array:
        """See `PlainAngles.error`; the short way round."""
        return wrapped(output * scale - theta)


class VectorAngles:
    """Cosine and sine of every joint: no jump, but twice the width (Zhou et al. 2019)."""

    width_per_joint = 2

    @staticmethod
    def read(theta: Array, scale: Array) -> Array:
        """See `PlainAngles.read`; all cosines, then all sines."""
        xp = namespace(theta)
        return xp.concatenate((xp.cos(theta), xp.sin(theta)), 1)

    @staticmethod
    def write(output: Array, scale: Array) -> Array:
        """See `PlainAngles.write`; the direction of each joint's vector, whatever its length."""
        joints = output.shape[1] // 2
        return namespace(output).arctan2(output[:, joints:], output[:, :joints])

    @staticmethod
    def error(output: Array, theta: Array, scale: Array) -> Array:
        """See `PlainAngles.error`; for small errors a vector moves as far as its angle."""
        return output - VectorAngles.read(theta, scale)


ANGLE_REPRESENTATIONS = {
    "plain": PlainAngles,
    "wrapped": WrappedAngles,
    "vector": VectorAngles,
}
