exec 2>&1
mkdir d; mkdir d; echo $?; mkdir -p d/e/f d/e/f; mkdir x/y; echo $?; rmdir d; echo $?; rmdir d/e/f; ls d/e; ls -1 d
touch a b .h; ls; ls -a | head -4; ls -A; ls nofile; echo $?; ls -d d; ls -F; ls -p; ls a b d
echo data > a; cp a c; cat c; cp nofile c; echo $?; cp a b d; ls d; cp d q; echo $?; cp -r d q; ls q; cp a nodir/x; echo $?
mv c m; ls c; cat m; mv nofile x; echo $?; mv m d; ls d; mv d/m d/n; ls d
ln -s a link; readlink link; cat link; ln -s a link; echo $?; ln -sf b link; readlink link; ls -l link | sed 's/.* link/link/'; ln a hard; cat hard; readlink a; echo $?
rm nofile; echo $?; rm -f nofile; echo $?; rm d; echo $?; rm -r d; ls -d d; rm link hard; rm -rf q nothere; ls
[ -f a ] && echo file; [ -d . ] && echo dir; [ -e nofile ] || echo none; [ -s b ] || echo empty; [ -s a ] && echo full; ln -s nowhere dang; [ -L dang ] && echo link; [ -e dang ] || echo dangling
stat -c "%n %s %F" a b; find . -name 'a*' | sort; mkdir -p t/u; touch t/x.c t/u/y.c t/u/z.h; find t | sort; find t -type f -name '*.c' | sort; find t -maxdepth 1 | sort; find t -type d | sort; find t -name '*.c' -exec echo found {} \; | sort; find t -name y.c -o -name z.h | sort; find t ! -name '*.c' -type f; find t -type f | sort; find nofile; echo $?; find t -type f -exec echo {} + | tr ' ' '\n' | sort; find t -empty | sort; find t -path '*u*' | sort; find t -name u -prune -o -type f -print; find t -mindepth 1 -print0 | tr '\0' '\n' | sort
touch -d '2020-01-02 03:04:05' old; stat -c %Y old; date -r old +%F; [ a -nt old ] && echo newer; touch -c nope; ls nope; touch nodir/f; echo $?
du -s nofile; echo $?; tar cf ar.tar t a; tar tf ar.tar | sort; mkdir ex; tar xf ar.tar -C ex; find ex | sort; tar czf ar.tgz t; tar tzf ar.tgz | sort; tar xOf ar.tar a; tar xf nofile.tar; echo $?
gzip -c a > a.gz; gunzip -c a.gz; zcat a.gz; gzip old; ls old.gz; gunzip old.gz; ls old
realpath t/../a | sed "s,$PWD,PWD,"; which sh | sed 's,.*/,,'; which nosuchcmd; echo $?
env -i A=1 env; env A=2 sh -c 'echo $A'; env -u HOME sh -c 'echo ${HOME-unset}'
dd if=/dev/zero bs=1k count=2 2>/dev/null | wc -c; head -c 100 /dev/zero | wc -c; echo hello > dd1; dd if=dd1 bs=1 skip=1 count=3 2>/dev/null; echo
mktemp -d tmpXXXXXX | sed 's/tmp....../tmpX/'; cat nofile; echo $?; cat a nofile b; echo $?; cat - < a; echo in | cat a -
chmod 644 a; echo $?; chmod zzz a; echo $?; tail -n1 nofile; echo $?; head nofile; echo $?; wc nofile; echo $?; sort nofile; echo $?; cut -f1 nofile; echo $?; sed p nofile; echo $?; md5sum nofile; echo $?; tee nodir/x </dev/null; echo $?
id -u; whoami; hostname >/dev/null && echo host; uname; tty </dev/null; true; echo $?; false; echo $?; sleep x; echo $?
test 1 = 1; echo $?; [ 1 = 2 ]; echo $?; [ a; echo $?
printf '#!/bin/sh\necho script $0 $1\n' > sc; ./sc; echo $?; [ -x sc ] || echo not-yet; chmod +x sc; [ -x sc ] && ./sc arg; ls -l sc | cut -c1-10; chmod u=rw,go= sc; stat -c %a sc; chmod 755 sc; stat -c '%a %A' sc
printf 'echo plain $1\n' > plain; chmod +x plain; ./plain arg; mkdir md; chmod 700 md; stat -c %A md; [ -x md ] && echo xdir
