"""fastmcp's own proxy with its defaults, in fastmcp's own environment.

`fastmcp_proxy.py stdio COMMAND...` or `fastmcp_proxy.py http PORT URL`.
"""

import sys

from fastmcp.client.transports import StdioTransport
from fastmcp.server import create_proxy

KIND, *REST = sys.argv[1:]

if KIND == "stdio":
    create_proxy(StdioTransport(command=REST[0], args=REST[1:])).run(transport="stdio", show_banner=False)
else:
    create_proxy(REST[1]).run(transport="http", host="127.0.0.1", port=int(REST[0]), show_banner=False)
