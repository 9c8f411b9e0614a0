"""TuneD's own loader and sysctl plugin on one profile, inside a chroot: no daemon, no D-Bus, no /proc of the machine.

Called as `python tunedcall.py DIST-PACKAGES ROOT PROFILE`; this file imports nothing of ours, and says what TuneD logs.
"""

import logging
import os
import sys
from pathlib import Path


def main(packages: str, root: str, name: str) -> None:
    """Load the profile below ROOT/etc/tuned, apply its sysctl unit and verify it."""
    sys.path.insert(0, packages)
    from tuned import consts, profiles, storage
    from tuned.plugins import instance, plugin_sysctl
    from tuned.utils.global_config import GlobalConfig

    logging.getLogger("tuned").setLevel(logging.WARNING)
    os.chroot(root)
    os.chdir("/")
    Path(consts.GLOBAL_CONFIG_FILE).write_text("daemon = 0\n", encoding="utf-8")
    config, variables = GlobalConfig(), profiles.variables.Variables()
    loader = profiles.Loader(profiles.Locator(["/etc/tuned"]), profiles.Factory(), profiles.Merger(), config, variables)
    profile = loader.load(name)
    assert set(profile.units) == {"sysctl"}, set(profile.units)
    kept = storage.Factory(storage.PickleProvider("/tuned.pickle"))
    plugin = plugin_sysctl.SysctlPlugin(None, kept, None, None, None, instance.Factory(), config, variables)
    unit = profile.units["sysctl"]
    applied = plugin.create_instance(unit.name, unit.devices, unit.devices_udev_regex, unit.script_pre, unit.script_post, unit.options)
    plugin.initialize_instance(applied)
    plugin.instance_apply_tuning(applied)
    assert plugin.instance_verify_tuning(applied, False), "TuneD's own verification"


if __name__ == "__main__":
    main(*sys.argv[1:])
