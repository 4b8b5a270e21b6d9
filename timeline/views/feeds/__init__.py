"""Files that other programs read: Atom, iCalendar, sitemaps, oEmbed; and the card that others embed."""
