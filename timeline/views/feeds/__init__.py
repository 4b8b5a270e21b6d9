"""Views for other programs and sites: Atom feeds, iCalendar, sitemaps, oEmbed and the embeddable card."""
