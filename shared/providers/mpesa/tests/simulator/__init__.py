"""Tests of the simulator: it is played with as an independent client would, and compared with what Safaricom shows."""
