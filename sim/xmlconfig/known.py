"""The elements of the configuration that the server knows, with the defaults of its numbers."""

from typing import Final

KNOWN: Final[dict[str, tuple[str, ...]]] = {
    "unimrcpserver": ("properties", "components", "settings", "profiles", "misc"),
    "properties": ("ip", "ext-ip"),
    "components": (
        "resource-factory", "sip-uas", "rtsp-uas", "mrcpv2-uas", "media-engine", "rtp-factory", "plugin-factory",
    ),
    "sip-uas": (
        "sip-ip", "sip-ext-ip", "sip-port", "sip-transport", "force-destination", "disable-soa", "ua-name",
        "sdp-origin", "sip-t1", "sip-t2", "sip-t4", "sip-t1x64", "sip-session-expires", "sip-min-session-expires",
        "sip-message-output", "sip-message-dump", "extract-feature-tags", "extract-call-id", "extract-user-name",
    ),
    "mrcpv2-uas": (
        "mrcp-ip", "mrcp-port", "max-connection-count", "max-shared-use-count", "force-new-connection",
        "rx-buffer-size", "tx-buffer-size", "inactivity-timeout", "termination-timeout",
    ),
    "media-engine": ("realtime-rate",),
    "rtp-factory": ("rtp-ip", "rtp-ext-ip", "rtp-port-min", "rtp-port-max"),
    "plugin-factory": ("engine",),
    "engine": ("max-channel-count", "param"),
    "settings": ("rtp-settings",),
    "profiles": ("mrcpv2-profile", "mrcpv1-profile"),
    "mrcpv2-profile": (
        "sip-uas", "mrcpv2-uas", "media-engine", "rtp-factory", "rtp-settings", "resource-engine-map",
    ),
}  # fmt: skip

NUMBERS: Final[dict[str, tuple[tuple[str, int], ...]]] = {
    "sip-uas": (
        ("sip-port", 8060), ("sip-t1", 0), ("sip-t2", 0), ("sip-t4", 0), ("sip-t1x64", 0),
        ("sip-session-expires", 600), ("sip-min-session-expires", 120),
    ),
    "mrcpv2-uas": (
        ("mrcp-port", 1544), ("max-connection-count", 100), ("max-shared-use-count", 100),
        ("inactivity-timeout", 600), ("termination-timeout", 3),
    ),
    "rtp-factory": (("rtp-port-min", 5000), ("rtp-port-max", 6000)),
    "media-engine": (("realtime-rate", 1),),
}  # fmt: skip
FLAGS: Final = {"sip-uas": ("extract-call-id", "extract-user-name"), "mrcpv2-uas": ("force-new-connection",)}
PARTS: Final = {
    "sip-uas": "SIP agent", "mrcpv2-uas": "MRCPv2 connection agent", "media-engine": "media engine",
    "rtp-factory": "RTP factory", "rtp-settings": "RTP settings",
}  # fmt: skip
