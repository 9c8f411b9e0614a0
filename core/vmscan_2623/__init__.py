"""Reclaim of 2.6.23: one LRU pair a zone, the finder writes (or sets aside), congestion_wait() naps.

Differs: no lumpy reclaim (order 0 only), no laptop mode, no buffer heads; kswapd tests each zone with its full lowmem reserve.
"""
