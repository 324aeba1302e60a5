"""Where the rows go: files, XCom, tables."""
