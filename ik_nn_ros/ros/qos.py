"""The qualities of service that differ from ROS's defaults."""

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

# A late viewer sees the latest answer.
LATCHED = QoSProfile(
    depth=1,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
    reliability=ReliabilityPolicy.RELIABLE,
)
# All clients of a service share its queues, and the default depth of 10 drops the eleventh. Nothing
# is kept for ever: a reader that was killed, or takes nothing, would fill a queue that keeps all,
# and then no response could be sent to anybody. Depths near 5000, the most that Fast DDS stores,
# would make readers refuse what they missed.
SERVICE = QoSProfile(depth=2000, reliability=ReliabilityPolicy.RELIABLE)
