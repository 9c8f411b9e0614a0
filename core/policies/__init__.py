"""One file a policy. To add one, copy inline.py and change what it decides; nothing else needs an edit."""
