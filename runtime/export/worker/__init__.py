"""One attempt at an export, in the export environment's own interpreter.

Nothing here imports dsimport, which that environment does not have: `boot.py` beside this folder starts it by path.
"""
