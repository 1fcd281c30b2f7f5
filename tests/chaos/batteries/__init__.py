"""Promises to merchants, tried over HTTP against a whole running system; each battery gives one row of the proof."""
