exec 2>&1
show() { echo "$#:"; for a in "$@"; do echo "<$a>"; done; }
unset u; e=; x=value; f=/usr/local/lib/file.tar.gz
show ${u-d} ${u:-d} "${e-d}" "${e:-d}" ${x-d} ${x:+alt} "${u+alt}" ${e:+alt} ${e+alt}
show "${u:=assigned}" "$u"
show ${f#*/} ${f##*/} ${f%.*} ${f%%.*} "${f%/*}" ${#f} ${#e}
show ${x#v} ${x%e} ${x#nomatch}
show "${x:1:3}" ${x: -2} ${x:2}
show ${f/l/L} ${f//l/L} ${f//\//_}
show "a b" 'c  d' e\ f
s="one two  three"; show $s "$s"
IFS=:; p=a:b::c; show $p; show "$p"; unset IFS
IFS=" :"; p=" a : b :: c "; show $p; unset IFS
IFS=; show $s; unset IFS
set -- 1 "2 3" 4; show $@; show "$@"; show $*; show "$*"; show "pre$@post"
IFS=,; show "$*"; unset IFS
set --; show "$@"; show "$*"; show ""$@
show "a"'b'"c" "\$x" '\$x' "\a\\" a\\b
show ~/x | sed "s,$HOME,HOME,"
show $((1+2)) "$((2*3))" $((x=5)) $x $((x++ + ++x)) $((x<<2)) $((7/2)) $((-7%3)) $((0x10)) $((010)) $((1?2:3)) $((!5)) $((~0)) $((1&&0)) $((1||0))
y=3; show $((y*y)) $(( y > 2 )) $((y == 3 && y != 4))
show `echo back` $(echo dollar) "$(echo "nested $(echo deep)")" "`echo \`echo inner\``"
show "$(printf 'a\n\n\n')" $(printf 'x y\nz')
show *.none [x] "*"
touch b.t a.t .hid c.u; show *.t *; show .h*; show [ab].t; show ?.u; show "*.t"; show \*.t; g='*.t'; show $g "$g"
set -f; show *.t; set +f
mkdir -p d1/e d2/e; touch d1/e/f d2/e/f; show */e/f d[12]; show */ 
show ${x:-"quoted default"} ${u2:-a b} "${u2:-a b}" ${u2:-"a b" c}
show "${u3:-$(echo sub)}" ${u3:-`echo bq`}
case "a b" in a\ *) echo ok1;; esac
case abc in [a-b]*c) echo ok2;; esac
case x in a|x|b) echo ok3;; esac
case '*' in \*) echo ok4;; esac
v='a*'; case abc in $v) echo ok5;; esac; case abc in "$v") echo no;; *) echo ok6;; esac
case "" in "") echo ok7;; esac
case a in (a) echo ok8;; esac
echo "$(case x in x) echo in-case;; esac)"
echo ${#} $# $? "$-" | tr -d a-z
a=1 b=$a; echo "$a$b"
n=; echo ${n:-${m:-deep}} ${f##*[./]} "${f%%"/lo"*}"
echo "${x%"${x#?}"}" ${x:+"$x"}
echo a"$e"b $e"" "${e}"
