"""The ROS 2 side: the server node, its client, and what turns arrays into messages."""
