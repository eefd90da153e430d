"""The server's configuration, unimrcpserver.xml, as a scenario; with what it will do to capacity."""
