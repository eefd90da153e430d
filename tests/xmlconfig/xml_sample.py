"""A server configuration to start from."""

from collections.abc import Callable
from pathlib import Path

SAMPLE = """<?xml version="1.0" encoding="UTF-8"?>
<unimrcpserver version="1.0">
  <properties><ip type="auto"/></properties>
  <components>
    <resource-factory>
      <resource id="speechsynth" enable="true"/>
      <resource id="speechrecog" enable="true"/>
    </resource-factory>
    <sip-uas id="SIP-1" type="SofiaSIP">
      <sip-port>8060</sip-port>
      <sip-session-expires>600</sip-session-expires>
      <sip-min-session-expires>120</sip-min-session-expires>
    </sip-uas>
    <mrcpv2-uas id="MRCP-1">
      <mrcp-port>1544</mrcp-port>
      <max-connection-count>100</max-connection-count>
      <max-shared-use-count>50</max-shared-use-count>
      <inactivity-timeout>600</inactivity-timeout>
      <termination-timeout>3</termination-timeout>
    </mrcpv2-uas>
    <media-engine id="Media-1"><realtime-rate>1</realtime-rate></media-engine>
    <rtp-factory id="RTP-1">
      <rtp-port-min>5000</rtp-port-min>
      <rtp-port-max>6000</rtp-port-max>
    </rtp-factory>
    <plugin-factory>
      <engine id="Synth-1" name="demosynth"><max-channel-count>40</max-channel-count></engine>
      <engine id="Recog-1" name="demorecog"><max-channel-count>80</max-channel-count></engine>
    </plugin-factory>
  </components>
  <settings><rtp-settings id="RTP-Settings-1"><ptime>20</ptime><codecs>PCMU PCMA</codecs></rtp-settings></settings>
  <profiles>
    <mrcpv2-profile id="uni2">
      <sip-uas>SIP-1</sip-uas>
      <mrcpv2-uas>MRCP-1</mrcpv2-uas>
      <media-engine>Media-1</media-engine>
      <rtp-factory>RTP-1</rtp-factory>
      <rtp-settings>RTP-Settings-1</rtp-settings>
    </mrcpv2-profile>
  </profiles>
</unimrcpserver>
"""

Write = Callable[..., Path]
