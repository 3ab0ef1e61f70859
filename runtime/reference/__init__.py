"""The reference toolchain: programs that stand in for trtexec and deepstream-app on a machine without a GPU."""
